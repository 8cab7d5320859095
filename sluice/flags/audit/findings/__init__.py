"""What an audit can find of a flag, one file each."""
