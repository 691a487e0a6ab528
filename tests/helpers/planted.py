"""A working directory and an environment that would steer any program that trusts them."""

from pathlib import Path

LAUNCHERS = {
    "LOCAL_RANK": "0", "RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1", "NODE_RANK": "1",
    "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_PROCID": "2", "SLURM_JOB_NAME": "x", "TORCHELASTIC_RUN_ID": "x",
    "OMPI_COMM_WORLD_RANK": "1", "PMI_RANK": "1", "LSB_JOBID": "1", "PL_TRAINER_MAX_EPOCHS": "1", "PYTHONINSPECT": "1",
}  # fmt: skip
# What an import of which nobody would notice: dependencies, and modules of Python's own that these import.
PLANTED = (
    "random", "psutil", "onnx", "torch", "numpy", "yaml", "pydantic", "typer", "click", "rich", "PIL", "tensorflow",
    "onnxruntime", "ai_edge_litert", "ai_edge_quantizer", "tflite_micro", "flatbuffers", "jinja2", "filelock", "scipy",
    "secrets", "sklearn", "pytorch_lightning", "torchmetrics", "torchvision", "matplotlib", "serial", "onnx2tf",
    "tempfile", "string", "json", "logging", "pathlib", "typing", "dataclasses", "subprocess", "struct", "copy",
    "google", "types", "__future__", "sitecustomize", "edgeforge_user_model", "fastapi", "uvicorn",
)  # fmt: skip


def plant(folder: Path) -> Path:
    """Write a file named as each dependency: whichever is imported leaves its name in RUN, and ends the program."""
    for name in PLANTED:
        trace = f"open({str(folder / 'RUN')!r}, 'a').write({name!r})\nraise SystemExit(99)\n"
        (folder / f"{name}.py").write_text(trace)
    return folder
