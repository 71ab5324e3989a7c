"""Names of the files in a dataset's folder, beside its records."""

FIRST_ZIP = '00000.zip'  # in a folder of .zip files of images
MANIFEST_FILE = 'manifest.jsonl'  # what became of each photograph
ACCEPTED_FILE = 'accepted.png'  # gallery of accepted crops
REJECTED_FILE = 'rejected.png'  # gallery of what was refused
DISTRIBUTIONS_FILE = 'distributions.png'  # sizes and scores, accepted against refused
REPORT_FILE = 'report.html'  # all of it on a page
LABEL_NAMES_FILE = 'label-names.txt'  # names of the labels, if they are attributes or numbers
OPTIONS_FILE = 'options.json'  # how the dataset was made
SYNTHETIC = 'synthetic'  # the key in `OPTIONS_FILE` that tells a set of synthetic images from another dataset
AUDIT_FILE = 'audit.json'  # what `python -m synthesis audit` found in a set
AUDIT_PAGE = 'audit.html'  # the same on a page
