"""How people ask for something: commands, buttons, who may, and the record that is made of it."""
