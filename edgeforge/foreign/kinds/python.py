"""What Python says: of code that is the user's own, and what its modules say of files."""

from edgeforge.foreign.kinds.kind import WHOLE, Kind

PYTHON = (  # of code that is the user's own
    Kind(r"missing \d+ required positional arguments?: (.+)", "it also needs {0}"),
    Kind(r"got an unexpected keyword argument '(\w+)'", "it takes no '{0}'"),
    Kind(r"takes (.+?) positional arguments? but (\d+) (?:was|were) given", "it takes {0} values and is given {1}"),
    Kind(r"(too many|not enough) values to unpack \((expected .+?)[,)]", "{0} values are unpacked ({1})"),
    Kind(r"'(\w+)' object has no attribute '(\w+)'", "a {0} has no '{1}'", "look at the spelling, or define it"),
    Kind(r"name '(\w+)' is not defined", "'{0}' is not defined", "look at the spelling, or import it"),
    Kind(
        r"cannot import name '(\w+)' from '([\w.]+)'", "{1} has no '{0}'", "look at the spelling, and at {1}'s version"
    ),
    Kind(r"'NoneType' object is not callable", "something is called that is None", "look at where it is set"),
)

FILES = (  # zipfile, csv, XML, struct, tomllib
    Kind(r"\(at line (\d+), column \d+\)", "line {0} is not TOML"),
    Kind(r"\(at end of document\)", "its end is not TOML: something is not closed"),
    Kind(r"unpack_from requires a buffer", "it is cut short or damaged", WHOLE),
    Kind(r"File is not a zip file", "it is cut short, damaged, or of another kind"),
    Kind(r"Bad CRC-32 for file '(.+?)'", "its part {0} is damaged", WHOLE),
    Kind(r"no element found|not well-formed|mismatched tag", "it is not whole XML"),
    Kind(r"unexpected end of data", "a quotation mark is not closed"),
    Kind(r"field larger than field limit \((\d+)\)", "a cell of it is longer than {0} characters"),
    Kind(r"expected after '\"'", "text stands behind a closing quotation mark"),
)
