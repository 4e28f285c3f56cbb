"""PowerShell as a grammar sees it (tree-sitter-powershell), and the literals of a table as Python values."""
import re
from pathlib import Path

import tree_sitter
import tree_sitter_powershell

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def parse(text):
    return PARSER.parse(text.encode()).root_node


def mistakes(node):
    """Lines of a tree that are no PowerShell."""
    if not node.has_error:
        return []
    if node.type == "ERROR" or node.is_missing:
        return [node.start_point[0] + 1]
    return [line for child in node.children for line in mistakes(child)]


def text_of(node):
    return node.text.decode()


def descendants(node, kind):
    for child in node.children:
        if child.type == kind:
            yield child
        yield from descendants(child, kind)


def functions(root):
    """Functions by name: their trees."""
    return {text_of(next(child for child in node.children if child.type == "function_name")): node
            for node in descendants(root, "function_statement")}


class NotLiteral(Exception):
    pass


def value(node):
    """The value of a literal expression: strings, $true, $false, @(...), @{...}."""
    if node.type == "string_literal":
        text = text_of(node)
        if re.fullmatch(r"'(?:[^']|'')*'", text):
            return text[1:-1].replace("''", "'")
        raise NotLiteral(text)
    if node.type == "variable":
        word = text_of(node).lower()
        if word in ("$true", "$false"):
            return word == "$true"
        raise NotLiteral(word)
    if node.type == "hash_literal_expression":
        found = {}
        for item in descendants_once(node, "hash_entry"):
            key = next(child for child in item.children if child.type == "key_expression")
            what = next(child for child in item.children if child.type not in ("key_expression", "=") and child.is_named)
            name = text_of(key)
            if name.startswith("'"):
                name = name[1:-1].replace("''", "'")
            if name in found:
                raise NotLiteral(f"{name} twice")
            found[name] = value(what)
        return found
    if node.type == "array_expression":
        inner = [child for child in node.children if child.is_named]
        if not inner:
            return []
        result = value(inner[0])
        return list(result) if isinstance(result, tuple) else [result]
    if node.type == "array_literal_expression":
        items = [child for child in node.children if child.is_named]
        if len(items) == 1:
            return value(items[0])
        return tuple(value(item) for item in items)
    if node.type in ("cast_expression", "expression_with_unary_operator"):
        return value([child for child in node.children if child.is_named][-1])
    inner = [child for child in node.children if child.is_named]
    if node.type == "statement_list" and len(inner) > 1:
        return tuple(value(child) for child in inner)
    if len(inner) == 1:
        return value(inner[0])
    raise NotLiteral(f"{node.type}: {text_of(node)[:60]}")


def descendants_once(node, kind):
    """Those that are not within another of them."""
    for child in node.children:
        if child.type == kind:
            yield child
        else:
            yield from descendants_once(child, kind)


def assigned(path, name):
    """The literal that a file assigns to a variable."""
    root = parse(Path(path).read_text())
    for node in descendants(root, "assignment_expression"):
        left = next(child for child in node.children if child.type == "left_assignment_expression")
        if text_of(left).strip().lower() == name.lower():
            right = next(child for child in node.children if child.type not in ("left_assignment_expression", "assignement_operator")
                         and child.is_named)
            return value(right)
    raise KeyError(name)
