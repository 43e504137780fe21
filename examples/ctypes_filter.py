#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""examples/ctypes_filter.py - libweir from Python by ctypes, without a compiler: counts the packets that match.

    ctypes_filter.py LIBWEIR.SO FILE.pcap EXPRESSION
"""
import ctypes
import struct
import sys


class Limits(ctypes.Structure):
    _fields_ = [("text_bytes", ctypes.c_size_t), ("memory_bytes", ctypes.c_size_t),
                ("nesting", ctypes.c_uint32), ("instructions", ctypes.c_uint32)]


class Options(ctypes.Structure):  # struct weir_options; WEIR_OPTIONS_INIT is what options() gives
    _fields_ = [("size", ctypes.c_size_t)] + [(name, ctypes.c_uint32) for name in (
        "linktype", "snaplen", "optimize", "target", "netmask", "live", "savefile", "lint", "protochain", "keep_ir")] + [
        ("resolver", ctypes.c_void_p), ("limits", Limits)] + [(name, ctypes.c_uint32) for name in (
        "has_actions", "on_match", "on_miss", "count", "frags", "tables", "keep_source", "tune")]


class Diagnostic(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("severity", ctypes.c_uint16), ("begin", ctypes.c_uint32),
                ("end", ctypes.c_uint32), ("also_begin", ctypes.c_uint32), ("also_end", ctypes.c_uint32),
                ("message", ctypes.c_char_p), ("hint", ctypes.c_char_p)]


def options(linktype):
    return Options(size=ctypes.sizeof(Options), linktype=linktype, snaplen=262144, optimize=1, netmask=0xffffffff)


class Filter:
    def __init__(self, lib, text, linktype=1):
        self.lib, self.program = lib, ctypes.c_void_p()
        lib.weir_diagnostic.restype = ctypes.POINTER(Diagnostic)
        lib.weir_diagnostic.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        lib.weir_compile.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Options),
                                     ctypes.POINTER(ctypes.c_void_p)]
        lib.weir_match.restype = ctypes.c_uint32
        lib.weir_match.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p]
        lib.weir_free.argtypes = lib.weir_program_free.argtypes = [ctypes.c_void_p]

        context, raw = ctypes.c_void_p(), text.encode()
        if lib.weir_new(None, ctypes.byref(context)) < 0:
            raise MemoryError
        try:
            status = lib.weir_compile(context, raw, len(raw), options(linktype), ctypes.byref(self.program))
            if status < 0:
                first = lib.weir_diagnostic(context, 0)
                raise ValueError(first.contents.message.decode() if first else f"status {status}")
        finally:
            lib.weir_free(context)

    def __del__(self):
        self.lib.weir_program_free(self.program)

    def matches(self, packet, wirelen=None):
        return self.lib.weir_match(self.program, packet, len(packet), wirelen or len(packet), None) != 0


def packets(path):
    with open(path, "rb") as file:
        header = file.read(24)
        order = "<" if header[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        yield struct.unpack(order + "I", header[20:24])[0] & 0xffff
        while len(head := file.read(16)) == 16:
            caplen, length = struct.unpack(order + "8xII", head)
            yield file.read(caplen), length


def main(library, path, text):
    capture = packets(path)
    try:
        wanted = Filter(ctypes.CDLL(library), text, next(capture))
    except ValueError as error:
        return str(error)
    print(sum(wanted.matches(packet, length) for packet, length in capture))
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: ctypes_filter.py LIBWEIR.SO FILE.pcap EXPRESSION")
    sys.exit(main(*sys.argv[1:]))
