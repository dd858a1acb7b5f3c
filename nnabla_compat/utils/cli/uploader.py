"""``create_tar``: a data set with all its files as one archive, as Neural Network Console takes it."""
import csv
import io
import os
import tarfile

from ...files.save import replacing
from .utility import CommandError, progress_bar


def create_tar_command(args):
    """Pack ``args.source``, a CSV file, and the files that its cells name into ``args.destination``."""
    print("Prepare csv data")
    rows, files = _collect(args.source)
    print("Prepare tar file")
    table = io.StringIO()
    csv.writer(table).writerows(rows)
    content = table.getvalue().encode()
    print("Create index.csv")
    print("Add file to tar archive.")
    with replacing(args.destination) as f, tarfile.open(fileobj=f, mode="w") as tar, \
            progress_bar(len(files), "file", "create_tar") as bar:
        index = tarfile.TarInfo("index.csv")
        index.size = len(content)
        tar.addfile(index, io.BytesIO(content))
        for name, path in files.items():
            tar.add(path, name)
            bar.update(1)
    # Nothing is returned and the status is 255, as nnabla_cli's is.


def _collect(source):
    """The table with the names that files get in the archive, and the files by these names."""
    rows, files, folder = [], {}, os.path.dirname(source)
    with open(source, newline="", encoding="utf-8") as f:
        for number, row in enumerate(csv.reader(f), 1):
            if rows and len(row) != len(rows[0]):
                raise CommandError(f"{source}, line {number}: expected {len(rows[0])} cells as in the header, received "
                                   f"{len(row)}.")
            for i, cell in enumerate(row):
                path = next((p for p in (cell, os.path.join(folder, *cell.split("\\"))) if os.path.isfile(p)), None)
                if path is not None:
                    row[i] = f"data/{len(files):012d}_{os.path.basename(path)}"
                    files[row[i]] = os.path.abspath(path)
            rows.append(row)
    return rows, files


def add_create_tar_command(subparsers):
    parser = subparsers.add_parser("create_tar", help="pack a data set for Neural Network Console")
    parser.add_argument("source", help="CSV file of the data set")
    parser.add_argument("destination", help="archive to write")
    parser.set_defaults(func=create_tar_command)


def upload_command(args):
    raise CommandError("Neural Network Console's upload service is not reachable from here. Pack the data set by "
                       "create_tar and upload the archive in a browser.")


def add_upload_command(subparsers):
    parser = subparsers.add_parser("upload", help="not available: pack a data set by create_tar")
    parser.add_argument("-e", "--endpoint", help="accepted")
    parser.add_argument("token", help="accepted")
    parser.add_argument("filename", help="accepted")
    parser.set_defaults(func=upload_command)
