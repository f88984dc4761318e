"""Policy: what may happen without asking, who can be asked, and the verdict. Pure: facts come in as model values."""
