"""The report: its data, terminal table, plots and page."""
