"""The trunk: on larger maps it does what the original's trunk does on every window of them.

Only what a rewrite changed needs a proof, and what it may have left as it was by mistake.
``finder`` compares the two models node by node and finds these *regions*: the original's nodes
between spatial tensors that both models have, and the rewritten model's nodes in their place. Each
region runs on its own in both forms (``runs``), on random tensors. A region whose end says too
little gives way to one that ends further on, or begins earlier (``trunk_proof``).

No one says what a region should do on a larger map, so a *trial* makes larger maps of which the
original's answers on maps of its own size tell it, for all cells or some. In this order, until one
tells something (``region_proof``):

* ``windows``: a random map; the original answers on each window of it. What does not depend on
  where a window ends is right on the whole map (``interior``), and so is what depends on the map's
  edges alone (``edges``).
* ``repetition``: the rows and columns of one window, each several times, where every cell depends
  on a statistic of the whole window, which is the same then. Where that is corrected for the number
  of values, the answers on several repetitions lead to that on the window (``extrapolation``).
* ``strips``: a repetition along one axis, windows along the others.
* ``windows`` again, of which the midst is taken for right where they are too small to measure it.

Where the original turns out to have no image size baked in, what its own nodes answer on larger
maps is compared as well, on maps of all sizes (``remainders``).
"""
