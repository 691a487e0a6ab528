"""What Lightning says."""

from edgeforge.foreign.kinds.kind import Kind

LIGHTNING = (
    Kind(
        r"invalid accelerator name: `accelerator='(.+?)'`",
        "there is no accelerator '{0}'",
        "set trainer.accelerator to auto, cpu, cuda, mps or tpu",
    ),
    Kind(r"No supported gpu backend found", "there is no GPU here", "set trainer.accelerator to auto or cpu"),
    Kind(
        r"Precision '(.+?)' is invalid",
        "there is no precision '{0}'",
        "set trainer.precision to 32-true, 16-mixed or bf16-mixed",
    ),
    Kind(
        r"invalid strategy name: `strategy='(.+?)'`",
        "there is no strategy '{0}'",
        "set trainer.strategy to auto, ddp, ddp_spawn or fsdp",
    ),
    Kind(
        r"invalid value (.+?) for (limit_\w+)",
        "{1} is {0}",
        "set trainer.{1} to a share from 0.0 to 1.0, or to a whole number of batches",
    ),
    Kind(
        r"devices=.* value is not a valid input|`devices` selected with",
        "devices is no number of devices that are here",
        "set trainer.devices to auto, or to a whole number from 1",
    ),
    Kind(
        r"duration='(.+?)'\)` is not a valid duration",
        "max_time '{0}' is no time",
        "write trainer.max_time as DD:HH:MM:SS",
    ),
)
