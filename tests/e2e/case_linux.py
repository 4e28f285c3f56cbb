"""What Linux has beside POSIX, on two mounts of one share by the kernel's client: holes, fallocate, copies, attributes, locks,
notifications (tests/posix/linux.py), and what chance does to a file through both of them (tests/posix/exercise.py)."""
import pathlib

from case_posix import judge
from rig.harness import case

PROGRAMS = pathlib.Path(__file__).parents[1] / 'posix'
SECOND = '/tmp/second'
# actimeo=0: sizes are asked for, not remembered for a second; closetimeo=0: closed is closed
MOUNTS = {
    'posix': ('posix,modefromsid,mfsymlinks,actimeo=0,closetimeo=0', {}, True),
    'plain': ('actimeo=0,closetimeo=0', {
        'unlinked_by_the_other_client': 'an open file keeps its name until it is closed ([MS-FSA] 2.1.5.5)',
    }, False),
}


def on_both(t, options, program, *arguments):
    (t.folder / program).write_bytes((PROGRAMS / program).read_bytes())
    command = ' '.join(['python3', '/run/host%s/%s' % (t.folder, program), *map(str, arguments)])
    return t.kernel(t.share(), 'cmount %s nosharesock,%s && %s; s=$?; cumount %s; exit $s' % (SECOND, options, command, SECOND),
                    options=options, ok=None)


def register():
    for kind, (options, exceptions, freehold_only) in MOUNTS.items():
        def calls(t, options=options, exceptions=exceptions):
            judge(t, on_both(t, options, 'linux.py', SECOND), exceptions, least=20)

        def chance(t, options=options):
            for seed, second in ((1, '.'), (2, SECOND)):
                t.contains(on_both(t, options, 'exercise.py', '.', second, seed, 150), '150 operations, seed %d' % seed)
        for function, name in ((calls, 'calls_on_%s' % kind), (chance, 'a_file_is_what_was_done_to_it_on_%s' % kind)):
            function.__module__, function.__name__ = __name__, name
            case(freehold_only=freehold_only)(function)


register()
