"""Stages, plans, the store and the workers: carries out a build and knows nothing of machine learning."""
