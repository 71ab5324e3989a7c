"""The verbs of `python -m synthesis`."""

import click

from synthesis.audit_verb import audit
from synthesis.calibrate_verb import calibrate
from synthesis.directions_verb import directions
from synthesis.generate_verb import generate
from synthesis.prune_verb import prune
from synthesis.show_verb import show
from synthesis.study_verb import study


@click.group()
def main():
    """Make large, labelled sets of synthetic faces with a trained network, and find out what they show."""


main.add_command(directions)
main.add_command(generate)
main.add_command(audit)
main.add_command(calibrate)
main.add_command(prune)
main.add_command(show)
main.add_command(study)

if __name__ == '__main__':
    main(prog_name='python -m synthesis')
