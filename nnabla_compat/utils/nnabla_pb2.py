"""Protobuf classes of nnabla's file formats: ``NNablaProtoBuf``, ``Network``, ``Parameter`` and the others.

Built when imported from :mod:`nnabla_compat.files.schema`, so they work with whatever protobuf library
(version 4 or later) is installed. They live in a pool of their own: the real nnabla, which registers
messages of the same names, can be loaded in the same process.
"""
from ..files import schema
from ..optional import require

_descriptor_pool = require("google.protobuf.descriptor_pool", "nnp", "network and parameter files")
_message_factory = require("google.protobuf.message_factory", "nnp", "network and parameter files")


def _message_classes():
    pool = _descriptor_pool.DescriptorPool()
    file = schema.file_descriptor()
    # Serialized, because before protobuf 4.22 the pool accepts nothing else in every implementation.
    pool.AddSerializedFile(file.SerializeToString())
    if hasattr(_message_factory, "GetMessageClass"):
        make = _message_factory.GetMessageClass
    else:
        make = _message_factory.MessageFactory(pool).GetPrototype
    return {message.name: make(pool.FindMessageTypeByName(message.name)) for message in file.message_type}


_classes = _message_classes()
for _class in _classes.values():
    _class.__module__ = __name__
globals().update(_classes)
__all__ = list(_classes)
