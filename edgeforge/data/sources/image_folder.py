"""A folder of images with a folder a class, or with such a folder for each of train, val and test."""

from __future__ import annotations

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.data.sources.labelled import load_labelled
from edgeforge.recipe.listed_images import list_images
from edgeforge.recipe.user_files import USER_DATA


def load_image_folder(job: Job) -> Source:
    """Return the images of data.root, resized. Raises RecipeError for a folder that is laid out otherwise."""
    root = job.files[USER_DATA]
    return load_labelled(job, list_images(root), f"data.root: {root}")
