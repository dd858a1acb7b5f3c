"""Numbers drawn by rejection, from the words of a stream as C++'s standard library takes them.

How many words a number takes hangs on the words, so one would have to draw number after number. Instead what
would come out is computed for a start at every place of a stretch of the stream; then the places that count are
followed.
"""
