"""The incident that the harness exists for, on synthetic data: reproduced, and cured."""
