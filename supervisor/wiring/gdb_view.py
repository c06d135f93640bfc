"""How gdb shows endpoints, paths and secrets: as they are printed elsewhere. Part of every program, see endpoint.cc."""

import gdb
import gdb.printing


def _string(value):
    """Returns a std::string, which need not be one of a running process."""
    return value["_M_dataplus"]["_M_p"].string(length=int(value["_M_string_length"]))


class _Endpoint:
    """As EndpointAccess::Url gives it: http://127.0.0.1:41234, or the path of a Unix socket."""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        address, scheme = self._value["address_"], self._value["scheme_"]
        scheme = scheme["ptr_"].string(length=int(scheme["length_"]))
        path = _string(address["path"])
        if path and scheme == "postgresql":
            return "postgresql:///?host=" + path.rpartition("/")[0]
        authority = _string(address["host"]) + ":" + _string(address["port"])
        return path or (scheme + "://" if scheme else "") + authority


class _Path:
    """As a plan shows it: {data}/links/links.db"""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        root = ["data", "runtime", "cache"][int(self._value["root_"])]
        return "{%s}/%s/%s" % (root, _string(self._value["service_"]), _string(self._value["relative_"]))


class _Secret:
    """Its name; the value is not in the program."""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        return "{secret %s.%s}" % (_string(self._value["service_"]), _string(self._value["name_"]))


class _Printers(gdb.printing.PrettyPrinter):
    def __init__(self):
        super().__init__("espalier")

    def __call__(self, value):
        kind = gdb.types.get_basic_type(value.type)
        if kind.code != gdb.TYPE_CODE_STRUCT:
            return None
        simple = {"espalier::Path": _Path, "espalier::Secret": _Secret, "espalier::Endpoint": _Endpoint}
        if kind.tag in simple:
            return simple[kind.tag](value)
        bases = [field.type.tag for field in kind.fields() if field.is_base_class]
        return _Endpoint(value) if bases == ["espalier::Endpoint"] else None


gdb.printing.register_pretty_printer(gdb.current_objfile(), _Printers(), replace=True)
