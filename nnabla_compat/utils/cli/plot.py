"""``plot_series`` and ``plot_timer``: pictures of what monitors wrote."""
import os
from argparse import RawTextHelpFormatter

from ... import monitor
from ...files.save import replacing
from ...optional import require
from .utility import CommandError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def plot_series_command(args):
    """Draw ``.series.txt`` files."""
    plot_any_command(args, monitor.plot_series)
    return True


def plot_timer_command(args):
    """Draw ``.timer.txt`` files."""
    if args.time_unit not in UNITS:
        raise CommandError(f"expected -u to be one of {', '.join(UNITS)}, received '{args.time_unit}'.")
    if not args.ylabel:
        unit = UNITS[args.time_unit]
        args.ylabel = f"Total elapsed time [{unit}]" if args.elapsed else f"Elapsed time [{unit}/iter]"
    plot_any_command(args, monitor.plot_time_elapsed, {"elapsed": args.elapsed, "unit": args.time_unit})
    return True


def plot_any_command(args, plot_func, plot_func_kwargs=None):
    """Draw all files into one picture, which is saved to ``args.outfile`` or, without one, shown."""
    if args.outfile:
        require("matplotlib", purpose="plotting").use("Agg")
    plt = require("matplotlib.pyplot", purpose="plotting")
    figure = plt.figure()
    try:
        labels = args.label or []
        for i, path in enumerate(args.inputs):
            plot_func(path, plot_kwargs={"label": labels[i] if i < len(labels) else path}, **(plot_func_kwargs or {}))
        plt.legend(loc="best")
        for set_text, text in ((plt.title, args.title), (plt.xlabel, args.xlabel), (plt.ylabel, args.ylabel)):
            if text:
                set_text(text)
        limits = ((plt.xlim, "left", args.xlim_min), (plt.xlim, "right", args.xlim_max),
                  (plt.ylim, "bottom", args.ylim_min), (plt.ylim, "top", args.ylim_max))
        for set_limit, side, value in limits:
            if value is not None:
                set_limit(**{side: value})
        if args.outfile:
            _save(figure, args.outfile)
        else:
            plt.show()
    finally:
        plt.close(figure)


def _save(figure, path):
    extension = os.path.splitext(path)[1][1:].lower()
    if not extension:  # matplotlib's own choice of format, and its extension added
        extension = figure.canvas.get_default_filetype()
        path = f"{path}.{extension}"
    if extension not in figure.canvas.get_supported_filetypes():
        raise CommandError(f"{path}: expected one of the formats {', '.join(figure.canvas.get_supported_filetypes())}.")
    with replacing(path) as f:
        figure.savefig(f, format=extension)


def add_plot_any_command(subparsers, subcommand, help, description, plot_command, ylabel_default=""):
    """Add a command with the options that both have; returns its parser."""
    parser = subparsers.add_parser(subcommand, formatter_class=RawTextHelpFormatter, description=description, help=help)
    parser.add_argument("inputs", nargs="+", metavar="infile", help="file that a monitor wrote")
    parser.add_argument("-l", "--label", action="append", help="label of a file, in their order")
    parser.add_argument("-o", "--outfile", help="picture to write; shown on the screen when left out", default="")
    parser.add_argument("-x", "--xlabel", help="label of the x axis", default="")
    parser.add_argument("-y", "--ylabel", help="label of the y axis", default=ylabel_default)
    parser.add_argument("-t", "--title", help="title", default="")
    for option, name, what in (("-T", "--ylim-max", "top"), ("-B", "--ylim-min", "bottom"), ("-R", "--xlim-max", "right end"),
                               ("-L", "--xlim-min", "left end")):
        parser.add_argument(option, name, type=float, help=f"{what} of the plotted range")
    parser.set_defaults(func=plot_command)
    return parser


def add_plot_series_command(subparsers):
    add_plot_any_command(subparsers, "plot_series", "plot .series.txt files",
                         "Plots files that MonitorSeries wrote:\n\n"
                         "    nnabla_cli plot_series -l first -l second -o loss.png a/loss.series.txt b/loss.series.txt",
                         plot_series_command)


def add_plot_timer_command(subparsers):
    parser = add_plot_any_command(subparsers, "plot_timer", "plot .timer.txt files",
                                  "Plots files that MonitorTimeElapsed wrote:\n\n"
                                  "    nnabla_cli plot_timer -u m -o time.png a/epoch.timer.txt", plot_timer_command)
    parser.add_argument("-e", "--elapsed", help="total time instead of the time of each iteration", action="store_true")
    parser.add_argument("-u", "--time-unit", help="s, m, h or d", default="s")
