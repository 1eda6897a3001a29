"""XGBoost as a model of CVN Harness."""
