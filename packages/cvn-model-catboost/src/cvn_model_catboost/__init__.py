"""CatBoost as a model of CVN Harness."""
