"""Which runtime computes int8 rightly on this desk: `edgeforge doctor` asks each, in a process of its own."""
