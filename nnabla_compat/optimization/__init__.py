"""Solvers: update rules on lists of tensors, and the Solver that feeds them.

    rule.py               how an update rule is declared; the table of all of them
    gradient_descent.py   Sgd, SgdW, Momentum, Nesterov, Lars, Lion
    adaptive.py           Adagrad, Adadelta, RMSprop, RMSpropGraves
    adam.py               Adam, AdamW, Adamax, AMSGRAD, AdaBound, AMSBound, AdaBelief, Lamb
    slot.py               one parameter with its solver state
    solver.py             Solver: parameters, hooks, gradient utilities, update
    states_file.py        .h5 and .protobuf files of solver states

A new solver is one function with `@update_rule` above it. Its factory in `nnabla_compat.solvers`, its
`info`, states, files and documentation derive from that.
"""
