"""Functions that search, encode, hash, and ask what a value is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import posixpath
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from sluice.errors import InvalidError
from sluice.patterns import compiled
from sluice.templates.errors import TemplateError
from sluice.templates.values import Struct, ordered, type_name


def _pattern(pattern: str) -> Any:
    return compiled(pattern, "regular expression")


def _regex_match(pattern: str, text: str) -> bool:
    return _pattern(pattern).search(text) is not None


def _regex_matches(pattern: str, text: str) -> bool:
    try:
        return _regex_match(pattern, text)
    except InvalidError:
        return False


def _regex_find(pattern: str, text: str) -> str:
    found = _pattern(pattern).search(text)
    return found[0] if found else ""


def _regex_find_all(pattern: str, text: str, most: int) -> list[str]:
    found = [one[0] for one in _pattern(pattern).finditer(text)]
    return found if most < 0 else found[:most]


def _expanded(found: Any, template: str) -> str:
    """Go's `$1`, `${name}` in a replacement."""
    out, at = "", 0
    while at < len(template):
        if template[at] != "$" or at + 1 == len(template):
            out, at = out + template[at], at + 1
        elif template[at + 1] == "$":
            out, at = out + "$", at + 2
        else:
            braced = template[at + 1] == "{"
            start = at + 1 + braced
            end = start
            while end < len(template) and (template[end].isalnum() or template[end] == "_"):
                end += 1
            name = template[start:end]
            try:
                out += (found[int(name)] if name.isdigit() else found[name]) or ""
            except (IndexError, KeyError):
                out += ""
            at = end + (braced and template[end : end + 1] == "}")
    return out


def _regex_replace_all(pattern: str, text: str, new: str) -> str:
    return str(_pattern(pattern).sub(lambda found: _expanded(found, new), text))


def _regex_replace_literal(pattern: str, text: str, new: str) -> str:
    return str(_pattern(pattern).sub(lambda _: new, text))


def _regex_split(pattern: str, text: str, most: int) -> list[str]:
    if most == 0:
        return []
    pieces: list[str] = []
    at = 0
    for found in _pattern(pattern).finditer(text):
        if 0 < most <= len(pieces) + 1:
            break
        if found.end() == 0 or (found.start() == found.end() == len(text)):
            continue
        pieces.append(text[at : found.start()])
        at = found.end()
    return [*pieces, text[at:]]


def _regex_quote(text: str) -> str:
    return "".join(f"\\{one}" if one in "\\.+*?()|[]{}^$" else one for one in text)


def _b64enc(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _b64dec(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except binascii.Error as error:
        return str(error)


def _b32enc(text: str) -> str:
    return base64.b32encode(text.encode()).decode()


def _b32dec(text: str) -> str:
    try:
        return base64.b32decode(text).decode(errors="replace")
    except binascii.Error as error:
        return str(error)


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sha512(text: str) -> str:
    return hashlib.sha512(text.encode()).hexdigest()


def _adler32(text: str) -> str:
    return str(zlib.adler32(text.encode()))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Struct):
        return {name: _jsonable(one) for name, one in value.fields.items()}
    if isinstance(value, Mapping):
        return {str(key): _jsonable(value[key]) for key in ordered(value)}
    return [_jsonable(one) for one in value] if isinstance(value, list | tuple) else value


def _raw_json(value: Any) -> str:
    return json.dumps(_jsonable(value), ensure_ascii=False, separators=(",", ":"))


def _json(value: Any) -> str:
    return _raw_json(value).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _pretty_json(value: Any) -> str:
    text = json.dumps(_jsonable(value), ensure_ascii=False, indent=2)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, parse_int=float)
    except ValueError:
        return None


def _must_from_json(text: str) -> Any:
    try:
        return json.loads(text, parse_int=float)
    except ValueError as error:
        raise TemplateError(f"error calling mustFromJson: {error}") from error


def _kind_of(value: Any) -> str:
    named = type_name(value)
    kinds = {"<nil>": "invalid"}
    if isinstance(value, Struct):
        return "struct"
    return "map" if named.startswith("map") else "slice" if named.startswith("[]") else kinds.get(named, named)


def _kind_is(kind: str, value: Any) -> bool:
    return kind == _kind_of(value)


def _type_of(value: Any) -> str:
    return type_name(value)


def _type_is(name: str, value: Any) -> bool:
    return name == type_name(value)


def _type_is_like(name: str, value: Any) -> bool:
    return type_name(value) in (name, f"*{name}")


def _fail(message: str) -> str:
    raise TemplateError(f"error calling fail: {message}")


def _base(path: str) -> str:
    return posixpath.basename(path.rstrip("/")) or ("/" if path else ".")


def _dir(path: str) -> str:
    return posixpath.normpath(path.rpartition("/")[0] or ("/" if path.startswith("/") else "."))


def _ext(path: str) -> str:
    last = path.rpartition("/")[2]
    return f".{last.rpartition('.')[2]}" if "." in last else ""


def _clean(path: str) -> str:
    plain = posixpath.normpath(path or ".")
    return plain[1:] if plain.startswith("//") else plain


def _is_abs(path: str) -> bool:
    return path.startswith("/")


ENCODINGS: Mapping[str, Callable[..., Any]] = {
    "adler32sum": _adler32,
    "b32dec": _b32dec,
    "b32enc": _b32enc,
    "b64dec": _b64dec,
    "b64enc": _b64enc,
    "base": _base,
    "clean": _clean,
    "dir": _dir,
    "ext": _ext,
    "fail": _fail,
    "fromJson": _from_json,
    "isAbs": _is_abs,
    "kindIs": _kind_is,
    "kindOf": _kind_of,
    "mustFromJson": _must_from_json,
    "mustRegexFind": _regex_find,
    "mustRegexFindAll": _regex_find_all,
    "mustRegexMatch": _regex_match,
    "mustRegexReplaceAll": _regex_replace_all,
    "mustRegexReplaceAllLiteral": _regex_replace_literal,
    "mustRegexSplit": _regex_split,
    "mustToJson": _json,
    "mustToPrettyJson": _pretty_json,
    "mustToRawJson": _raw_json,
    "osBase": _base,
    "osClean": _clean,
    "osDir": _dir,
    "osExt": _ext,
    "osIsAbs": _is_abs,
    "regexFind": _regex_find,
    "regexFindAll": _regex_find_all,
    "regexMatch": _regex_matches,
    "regexQuoteMeta": _regex_quote,
    "regexReplaceAll": _regex_replace_all,
    "regexReplaceAllLiteral": _regex_replace_literal,
    "regexSplit": _regex_split,
    "sha1sum": _sha1,
    "sha256sum": _sha256,
    "sha512sum": _sha512,
    "toJson": _json,
    "toPrettyJson": _pretty_json,
    "toRawJson": _raw_json,
    "typeIs": _type_is,
    "typeIsLike": _type_is_like,
    "typeOf": _type_of,
}
