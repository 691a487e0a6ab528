"""What PyYAML says."""

from edgeforge.foreign.kinds.kind import Kind

YAML = (
    Kind(r"found character '\\t'", "a tab, where YAML takes spaces alone", "put spaces there"),
    Kind(
        r"mapping values are not allowed here",
        "a colon where none may stand",
        "put a text with a colon in quotes, and look at the indentation",
    ),
    Kind(
        r"while parsing a flow (sequence|mapping)",
        "a bracket before this is not closed, or an entry in it lacks its comma",
        "close it: [a, b] or {{key: value}}",
    ),
    Kind(
        r"while parsing a block (mapping|collection)|unindent does not match|expected the node content",
        "the indentation does not fit the lines above",
        "put the keys of one section below one another",
    ),
    Kind(r"could not find expected ':'", "a key lacks its colon", "write key: value"),
    Kind(r"while scanning a quoted scalar", "a quotation mark is not closed", "close it"),
    Kind(r"found undefined alias ['\"](.+)['\"]", "the alias '{0}' is not defined", "define it with &{0}, or quote it"),
    Kind(r"found character .* that cannot start any token", "a character that YAML keeps for itself", "quote it"),
    Kind(r"could not determine a constructor for the tag ['\"](.+)['\"]", "a tag, {0}: a recipe is data", "remove it"),
    Kind(r"expected a single document", "a second document: a recipe is one", "remove the line ---"),
    Kind(
        r"(scanning|parsing) a directive|YAML directive|incompatible YAML|duplicate tag handle",
        "a line that begins with %, a directive of YAML's",
        "remove it, or quote it",
    ),
    Kind(r"(scanning|parsing) a tag|undefined tag handle", "an exclamation mark, a tag to YAML", "quote it"),
    Kind(
        r"while scanning an (anchor|alias)|duplicate anchor",
        "& or * without a name of its own: an anchor and an alias to YAML",
        "quote it",
    ),
    Kind(
        r"while scanning a block scalar",
        "behind | or > stands more than YAML takes there",
        "put the text on the lines below, or quote it",
    ),
    Kind(
        r"while scanning a double-quoted scalar",
        "a backslash in double quotes, with something behind it that YAML does not know",
        "put the text in single quotes",
    ),
    Kind(r"sequence entries are not allowed", "a dash where no list may stand", "quote it, or begin a new line there"),
    Kind(r"mapping keys are not allowed", "a question mark where no key may stand", "quote it"),
    Kind(r"expected '<document start>'", "something stands behind the end of a recipe", "remove it"),
    Kind(r"unhashable key|for merging", "<< takes a mapping, and a key is a word", "write the keys out"),
    Kind(
        r"base64|an ordered map|constructing pairs|expected a (scalar|sequence|mapping) node",
        "a value that is not what its tag says",
        "remove the tag",
    ),
)
