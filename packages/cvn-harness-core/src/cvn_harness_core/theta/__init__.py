"""The rules that pick theta, one module each. A third party's rule is any ``ThetaRule``."""
