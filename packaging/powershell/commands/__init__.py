"""The commands of the PowerShell module, a file per subject."""
from . import fsx, quotas, server, shares


def declared_files():
    return [*shares.FILES, *server.FILES, *quotas.FILES, *fsx.FILES]
