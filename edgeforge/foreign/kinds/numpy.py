"""What NumPy says of files of arrays and of tables; h5py too."""

from edgeforge.foreign.kinds.kind import Kind

NUMPY = (
    Kind(
        r"Cannot load file containing pickled data|contains pickled \(object\) data|invalid load key",
        "it is no file of NumPy arrays",
    ),
    Kind(r"Object arrays cannot be loaded", "an array in it holds Python objects, not numbers"),
    Kind(r"cannot reshape array of size (\d+) into shape \(?([\d,]+?),?\)", "{0} values do not fill the shape ({1})"),
    Kind(
        r"could not convert string '(.*?)' to float\d* at row (\d+), column (\d+)",
        "'{0}' is no number (column {2}, {1} lines above it)",
    ),
    Kind(r"could not convert string to float: (?:np\.str_\()?'(.*?)'", "'{0}' is no number"),
    Kind(r"number of columns changed from (\d+) to (\d+) at row (\d+)", "line {2} has {1} columns, not {0}"),
    Kind(r"operands could not be broadcast together with shapes (\(.+?\)) (\(.+?\))", "arrays of {0} and {1} meet"),
    Kind(r"file signature not found|truncated file", "it is no HDF5 file, or a damaged one"),
    Kind(r"object '(.+?)' doesn't exist", "it holds no '{0}'"),
)
