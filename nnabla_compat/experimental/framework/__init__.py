"""A skeleton of training programs: a trainer runs the loops, a worker says what happens in each place."""
from .data import Data
from .trainer import Trainer
from .worker import Worker
