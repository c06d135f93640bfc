"""A file cannot export a builtin under its own name, so these have another one here."""

native_cc_common = cc_common
native_cc_info = CcInfo
