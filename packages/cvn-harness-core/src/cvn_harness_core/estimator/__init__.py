"""scikit-learn's face of the harness: any registered model or ensemble as a classifier."""
