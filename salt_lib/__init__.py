"""SALT: self-augmentation for zero-shot cross-lingual transfer, as a laboratory study."""
