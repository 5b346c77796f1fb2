"""The study of pictures: captions in English, pictures of facts, and retrieval in all languages.

Chapter: Pictures.
"""
