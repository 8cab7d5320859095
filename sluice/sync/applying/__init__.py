"""What is to be known of single objects before they are written: wishes, field managers, refusals."""
