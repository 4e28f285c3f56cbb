"""The commands of the PowerShell module, a file per subject."""
from . import dfs, fsx, quotas, server, shares


def declared_files():
    return [*shares.FILES, *server.FILES, *quotas.FILES, *dfs.FILES, *fsx.FILES]
