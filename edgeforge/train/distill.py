"""Distillation: a small network learns a trained one's outputs beside the labels (Hinton et al. 2015)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from edgeforge.builder.stage import Job
from edgeforge.recipe.schema import Distill
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.classifier import Classifier
from edgeforge.train.network.finished import load_finished
from edgeforge.train.network.load import check_output, make_network
from edgeforge.train.network.named_weights import load_named_weights
from edgeforge.train.network.weights import load_user_weights


class DistilledClassifier(Classifier):
    """Trains `network` on labels and on what a teacher gives for the same images."""

    def __init__(self, teacher: nn.Module, distill: Distill, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.distill = distill
        self.teacher = (teacher.eval(),)  # in a tuple: no part of this module, nor of its checkpoints

    def training_loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return weight * what the teacher says + (1 - weight) * what the labels say."""
        outputs = self(images)
        teacher = self.teacher[0].to(images.device)
        with torch.no_grad():
            wanted = teacher(images)
        parts = [
            soft_loss(outputs[:, place], wanted[:, place], self.distill.temperature)
            if head.kind == "classes"
            else functional.mse_loss(outputs[:, place], wanted[:, place])
            for head, place in zip(self.loss.heads, self.loss.places, strict=True)
        ]
        share = self.distill.weight
        loss: torch.Tensor = share * torch.stack(parts).sum() + (1 - share) * self.loss(outputs, labels)
        return loss


def soft_loss(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return T² * KL(teacher, student) of logits (N,classes) softened by T; T² keeps the gradients' size."""
    log_student = functional.log_softmax(student / temperature, dim=1)
    log_teacher = functional.log_softmax(teacher / temperature, dim=1)
    divergence = functional.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True)
    return temperature**2 * divergence


def load_teacher(job: Job, preprocessing: Preprocessing) -> nn.Module:
    """Return the recipe's teacher, trained. Raises RecipeError when it does not fit its weights or the data."""
    distill = job.recipe.distill
    assert distill
    path = job.files["teacher/model"]
    if distill.teacher.finished:
        teacher = load_finished(path, preprocessing, distill.teacher.input)
    else:
        teacher = make_network(distill.teacher, path, preprocessing)
        if distill.teacher.named_weights:
            load_named_weights(teacher, distill.teacher, preprocessing, "distill.teacher.weights")
        else:
            weights = job.files["teacher/weights"]
            load_user_weights(teacher, weights, distill.teacher.fresh, "distill.teacher.weights")
    check_output(teacher, preprocessing)
    return teacher.eval()
