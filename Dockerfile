# For a machine with an NVIDIA card (Turing or older) and nvidia-docker:
#   docker build -t retrain-stylegan .
#   docker run --gpus all -it -v "$PWD":/project retrain-stylegan
FROM tensorflow/tensorflow:1.15.5-gpu

# Ubuntu 18.04's Python 3.7 instead of the image's 3.6; libgl1 and libglib2.0-0 are what OpenCV loads.
RUN rm -f /etc/apt/sources.list.d/cuda.list /etc/apt/sources.list.d/nvidia-ml.list \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3.7 python3.7-dev python3.7-venv build-essential make libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

# The image's libraries are CUDA 10.0 and cuDNN 7; its own TensorFlow, for Python 3.6, stays unused.
COPY requirements.txt /opt/requirements.txt
RUN python3.7 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir pip==24.0 \
    && /opt/venv/bin/pip install --no-cache-dir -r /opt/requirements.txt

ENV PATH=/opt/venv/bin:$PATH
WORKDIR /project
