#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What two runs of differ have different, and which calls it takes.

compare.py refuse ONE TWO            labels of seeds whose two runs on one kernel differ
compare.py find STATE MAINLINE KSEAL first differences, one seed of each kind; starts STATE
compare.py candidates STATE FILE     runs with fewer calls that may show the same, for differ -f
compare.py choose STATE MAINLINE KSEAL  keeps those that do
compare.py report STATE              TAP diagnostics of what is left

STATE is a JSON file. The allow-list is differ/allowed beside this program: see there.
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS_MAX = 20      # differences that are made smaller and shown


class Line:
    def __init__(self, text):
        self.text = text
        self.label, self.at, rest = text.split(' ', 2)
        self.call, _, self.result = rest.partition(' -> ')
        self.index = int(self.at.split('.')[0]) if self.at[0].isdigit() else -1


class Allowed:
    """One entry: differences in these calls are no differences."""

    def __init__(self, line):
        self.line = line
        self.then, call, mainline, kseal = re.split(r'\t+', line)
        assert self.then in ('go', 'stop', 'end'), line
        self.call, self.mainline, self.kseal = re.compile(call), re.compile(mainline), kseal
        self.met = 0

    def is_about(self, setup, line):
        return self.call.search(setup.text.split(' ', 1)[1] + ': ' + line.call)

    def covers(self, setup, m, k):
        """What mainline gave becomes what kseal gave when the entry is applied to it."""
        if m.call != k.call or not self.is_about(setup, m):
            return False
        if self.kseal.startswith('~'):
            good = self.mainline.search(m.result) and re.search(self.kseal[1:], k.result)
        else:
            good = self.mainline.sub(self.kseal, m.result, count=1) == k.result
        good = bool(good)
        self.met += good
        return good


def read_allowed():
    with open(os.path.join(HERE, 'allowed')) as f:
        return [Allowed(x.rstrip('\n')) for x in f if x.strip() and x[0] != '#']


def read_runs(path):
    """Labels with their lines' texts, in order, one at a time: there may be millions of them."""
    label, texts = None, []
    with open(path, errors='replace') as f:
        for text in f:
            its = text.split(' ', 1)[0]
            if its != label:
                if texts:
                    yield label, texts
                label, texts = its, []
            texts.append(text.rstrip('\n'))
    if texts:
        yield label, texts


def pairs(one, two):
    """Each label of one, its texts, and those of the same label of two; both in one order."""
    other, passed = read_runs(two), {}
    for label, texts in read_runs(one):
        while label not in passed:
            its, found = next(other, (label, []))
            passed[its] = found
        yield label, texts, passed.pop(label)


def lines_of(texts):
    return [Line(x) for x in texts]


NOTHING = Line('- -1 nothing')


def first_difference(ms, ks, allowed):
    """The two lines, or None. Calls after an entry that says stop do not count."""
    for i in range(max(len(ms), len(ks))):
        m = ms[i] if i < len(ms) else NOTHING
        k = ks[i] if i < len(ks) else NOTHING
        if m.text == k.text:
            if any(x.then == 'end' and x.is_about(ms[0], m) for x in allowed):
                return None
            continue
        for entry in allowed:
            if entry.covers(ms[0], m, k):
                break
        else:
            return m, k
        if entry.then != 'go':
            return None
    return None


def kind_of(m, k):
    """The same for differences that look the same but for numbers."""
    def plain(text):
        return re.sub(r'#?\b[0-9a-f]*[0-9][0-9a-f]*\b', 'N', text)
    words = m.call.split(' ')
    return ' '.join(words[1:3]) + '|' + plain(m.result) + '|' + plain(k.result)


def refuse(one, two):
    for label, first, second in pairs(one, two):
        if first != second:
            print(label)


def calls_of(ms, end):
    seen = []
    for line in ms:
        if 0 <= line.index < end and line.index not in seen:
            seen.append(line.index)
    return seen


def find(state, mainline, kseal, refused):
    allowed = read_allowed()
    with open(refused) as f:
        refused = set(f.read().split())
    kinds, calls, seeds = {}, 0, 0
    for label, ms, ks in pairs(mainline, kseal):
        if label in refused:
            continue
        seeds += 1
        calls += len(ms) - 1
        if ms == ks:
            continue
        ms = lines_of(ms)
        pair = first_difference(ms, lines_of(ks), allowed)
        if not pair:
            continue
        m, k = pair
        kind = kinds.setdefault(kind_of(m, k), {'seeds': []})
        kind['seeds'].append(label)
        # the one with the fewest calls is the easiest to make smaller
        if 'calls' not in kind or m.index < kind['index']:
            kind.update(seed=label, index=m.index, calls=calls_of(ms, m.index),
                        last=max(x.index for x in ms))
    order = sorted(kinds.values(), key=lambda x: -len(x['seeds']))
    for kind in order:
        kind['lines'] = None
        kind['done'] = False
    with open(state, 'w') as f:
        json.dump({'kinds': order, 'calls': calls, 'seeds': seeds,
                   'unmet': [x.line for x in allowed if not x.met]}, f)


def tries_of(kind):
    """Sets of calls to try without: none at first, then those that went one by one together."""
    if kind['lines'] is None:
        return [[]]
    calls = kind['calls']
    together = kind.get('together', [])
    tries = [together, together[::2], together[1::2]] if len(together) > 1 else []
    if not together and len(calls) > 6:
        half = len(calls) // 2
        tries += [calls[:half], calls[half:], calls[::2], calls[1::2]]
    return tries + [[x] for x in calls]


def candidates(state, path):
    with open(state) as f:
        kinds = json.load(f)['kinds'][:KINDS_MAX]
    count = 0
    with open(path, 'w') as f:
        for n, kind in enumerate(kinds):
            if kind['done']:
                continue
            for i, without in enumerate(tries_of(kind)):
                keep = set(kind['calls']) - set(without) | {kind['index']}
                dropped = [x for x in range(kind['last'] + 1) if x not in keep]
                f.write('%d/%d %s %s\n' % (n, i, kind['seed'],
                                           ','.join(map(str, dropped)) or '-'))
                count += 1
    print(count)


def choose(state, mainline, kseal):
    allowed = read_allowed()
    runs = {label: (lines_of(ms), lines_of(ks)) for label, ms, ks in pairs(mainline, kseal)}
    with open(state) as f:
        whole = json.load(f)
    for n, kind in enumerate(whole['kinds'][:KINDS_MAX]):
        if kind['done']:
            continue
        best, single = None, []
        for i, without in enumerate(tries_of(kind)):
            label = '%d/%d' % (n, i)
            ms, ks = runs.get(label, ([], []))
            pair = first_difference(ms, ks, allowed)
            if not pair or pair[0].index != kind['index']:
                continue
            if len(without) == 1:
                single += without
            if best is None or len(without) > len(best[0]):
                last = ms.index(pair[0]) if pair[0] in ms else len(ms)
                best = (without, [x.text for x in ms[:last]], pair[0].text, pair[1].text)
        if best is None:
            kind['done'] = True
            continue
        without, lines, m, k = best
        kind['calls'] = [x for x in kind['calls'] if x not in without]
        kind['together'] = [x for x in single if x not in without]
        kind['lines'] = lines
        kind['pair'] = [m, k]
    with open(state, 'w') as f:
        json.dump(whole, f)


def report(state):
    with open(state) as f:
        whole = json.load(f)
    for kind in whole['kinds'][:KINDS_MAX]:
        print('# in %d seeds (%s):' % (len(kind['seeds']), ' '.join(kind['seeds'][:8])))
        for line in kind['lines'] or ['(not again without the calls that follow)']:
            print('#     ' + line.split(' ', 1)[-1])
        m, k = kind.get('pair', ['- - ?', '- - ?'])
        print('#   mainline: ' + m.split(' ', 1)[-1])
        print('#   kseal:    ' + k.split(' ', 1)[-1])
    if len(whole['kinds']) > KINDS_MAX:
        print('# and %d kinds more' % (len(whole['kinds']) - KINDS_MAX))
    for line in whole['unmet']:
        print('# allowed, but not met: ' + line)
    print('%d %d %d' % (whole['seeds'], whole['calls'],
                        sum(len(x['seeds']) for x in whole['kinds'])), file=sys.stderr)


COMMANDS = {'refuse': refuse, 'find': find, 'candidates': candidates, 'choose': choose,
            'report': report}
COMMANDS[sys.argv[1]](*sys.argv[2:])
