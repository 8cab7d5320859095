"""What keeps a release from ending in the middle: names to go home by, when home is safe, acts that come to nothing."""
