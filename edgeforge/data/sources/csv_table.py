"""A csv file of image paths and labels, and of splits where a column says them."""

from __future__ import annotations

from edgeforge.builder.stage import Job
from edgeforge.data.sources.labelled import load_labelled
from edgeforge.data.splits import Source
from edgeforge.data.user_data import USER_DATA, read_table


def load_csv(job: Job) -> Source:
    """Return the images that data.root lists, resized. Raises RecipeError naming the line that is wrong."""
    path = job.files[USER_DATA]
    return load_labelled(job, read_table(path, job.recipe.data.columns), f"data.root: {path}")
