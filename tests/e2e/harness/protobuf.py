"""Protobuf's wire format, read by field number: nothing of the code under test is on this side."""

from __future__ import annotations


class Message:
    """A message's fields, in order: `text(1)`, `number(2)`, `messages(3)`."""

    def __init__(self, data: bytes):
        self._data, self._at = data, 0
        self._fields: dict[int, list[int | bytes]] = {}
        while self._at < len(data):
            key = self._varint()
            value: int | bytes = self._varint()
            if key & 7 == 2:
                assert isinstance(value, int)
                value, self._at = data[self._at:self._at + value], self._at + value
            elif key & 7 != 0:
                raise ValueError(f"field {key >> 3} is of wire type {key & 7}, which is not used here")
            self._fields.setdefault(key >> 3, []).append(value)

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return number

    def number(self, field: int) -> int:
        value = self._fields.get(field, [0])[-1]
        assert isinstance(value, int)
        return value

    def texts(self, field: int) -> list[str]:
        return [value.decode() for value in self._fields.get(field, []) if isinstance(value, bytes)]

    def text(self, field: int) -> str:
        return (self.texts(field) or [""])[-1]

    def messages(self, field: int) -> list[Message]:
        return [Message(value) for value in self._fields.get(field, []) if isinstance(value, bytes)]

    def message(self, field: int) -> Message:
        return (self.messages(field) or [Message(b"")])[-1]
