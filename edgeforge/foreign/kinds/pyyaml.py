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
    Kind(r"found undefined alias '?(\w+)", "the alias '{0}' is not defined", "define it with &{0}, or quote it"),
    Kind(r"found character .* that cannot start any token", "a character that YAML keeps for itself", "quote it"),
    Kind(r"could not determine a constructor for the tag '(.+?)'", "a tag, {0}: a recipe is data", "remove it"),
    Kind(r"expected a single document", "a second document: a recipe is one", "remove the line ---"),
)
