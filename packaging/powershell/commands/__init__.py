"""The commands of the PowerShell module, a file per subject."""
from . import fsx, server, shares


def declared_files():
    return [*shares.FILES, *server.FILES, *fsx.FILES]
