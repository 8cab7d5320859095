"""The numbers: each measure is one file, and `python -m bench` writes them with machine, load and n."""
