"""What the other files leave out. Runs last, and makes sense only when all of them run."""
from case_calls import CALLED
from rig.harness import case


@case(freehold_only=True, alone=True)
def every_command_was_called(t):
    """Each command of the table was carried out by a test, by both ways where there are two."""
    table = t.module.table
    t.equal(sorted(set(table) - CALLED['https']), [], 'not called by HTTPS')
    t.equal(sorted(name for name, entry in table.items() if 'Program' in entry and name not in CALLED['program']), [],
            'not called by the program')
