"""What typer says, which says nothing else to a person."""

from edgeforge.foreign.kinds.kind import Kind

COMMAND_LINE = (
    Kind(r"Missing argument '(.+?)'", "'{0}' is missing"),
    Kind(r"Missing option '(.+?)'", "{0} is missing"),
    Kind(r"No such command '(.+?)'\. Did you mean '(.+?)'", "there is no command '{0}' (did you mean '{1}'?)"),
    Kind(r"No such command '(.+?)'", "there is no command '{0}'"),
    Kind(r"No such option: (\S+) \(Possible options: (.+?)\)", "there is no option {0} (did you mean {1}?)"),
    Kind(r"No such option: (\S+)", "there is no option {0}"),
    Kind(r"Got unexpected extra argument(?:s|\(s\))? \((.+?)\)", "nothing more is taken, and there is more: {0}"),
    Kind(r"[Oo]ption '?(--?[\w-]+)'? requires an argument", "{0} is given no value"),
    Kind(
        r"Invalid value for '(.+?)': (?:Value error, )?'?(.*?)'? is not one of (.+?)\.?$", "{0}: '{1}' is none of {2}"
    ),
    Kind(r"Invalid value for '(.+?)': Input should be a finite number", "{0}: it is no finite number"),
    Kind(r"Invalid value for '(.+?)': Input should be greater than or equal to (\S+)", "{0}: give {1} or more"),
    Kind(r"Invalid value for '(.+?)': Input should be less than or equal to (\S+)", "{0}: give {1} or less"),
    Kind(r"Invalid value for '(.+?)': '?(.*?)'? is not a valid (\w+)", "{0}: '{1}' is no {2}"),
    Kind(r"Invalid value for '(.+?)': Input should be a valid (\w+)", "{0}: it is no {1}"),
)
