"""A rule for a group of many members: how many questions it takes, and with FREEHOLD_AD_MEMBERS=10000 how long."""
import json
import os
import time

from controllers import HERE
from rig.harness import case

MEMBERS = int(os.environ.get('FREEHOLD_AD_MEMBERS', '300'))


def quota(s, *words):
    return json.loads(s.run('quota', *words, '-o', 'json', timeout=300).stdout)


@case(freehold_only=True)
def a_rule_of_a_group_with_many_members_is_in_force_when_it_is_answered(t):
    s = t.own_server()
    dc = t.bed.dc1
    print(dc.host.run('/usr/bin/python3', HERE / 'many.py', dc.conf, 'crowd', str(MEMBERS)), flush=True)
    t.bed.replicated('crowd-%d' % MEMBERS)
    t.bed.agreed('(sAMAccountName=crowd)', 'member', there=True)
    t.bed.agreed('(sAMAccountName=crowd-%d)' % MEMBERS, 'memberOf', there=True)
    quota(s, 'mode', 'data', 'enforce')
    for turn, limit in enumerate(('100KB', '200KB', '300KB')):
        began = time.monotonic()
        row = quota(s, 'group', 'set', 'CORP\\crowd', '--limit', limit)[0]
        seconds = time.monotonic() - began
        t.equal((row['Members'], row['Error']), (MEMBERS, ''), 'the rule')
        for n in (1, MEMBERS // 2, MEMBERS):
            found = quota(s, 'list', 'data', '--user', 'CORP\\crowd-%d' % n)[0]
            t.equal((found['Group'], found['Limit']), ('CORP\\crowd', (turn + 1) * 100 * 1024), 'member %d' % n)
        print('a rule for %d members was in force after %.2f s' % (MEMBERS, seconds), flush=True)
        t.true(seconds < 5, 'a rule for %d members took %.1f s' % (MEMBERS, seconds))
    began = time.monotonic()
    rows = quota(s, 'list', 'data')
    print('%d entries were listed in %.2f s' % (len(rows), time.monotonic() - began), flush=True)
