"""The checksum of the TFRecord format."""

import struct

import google_crc32c


def masked_crc32c(data: bytes) -> int:
    """CRC-32C of bytes, masked as the format masks it: rotated, and a constant added."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def begins_record(head: bytes) -> bool:
    """Whether a record begins with these bytes, 12 at least: its length and the checksum of the length."""
    return len(head) >= 12 and struct.unpack('<I', head[8:12])[0] == masked_crc32c(head[:8])
