"""Windows of any sensor's recordings: from csv, Parquet and .npz files to inputs N,axes,1,samples."""
