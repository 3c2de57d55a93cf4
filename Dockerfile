# The command line in a container; docs/how_to.md shows how to run it.
FROM python:3.11-slim AS build
COPY . /source
RUN python -m venv /siamfc && /siamfc/bin/pip install --no-cache-dir /source

FROM python:3.11-slim
COPY --from=build /siamfc /siamfc
ENV PATH=/siamfc/bin:$PATH HOME=/tmp
WORKDIR /videos
ENTRYPOINT ["siamfc"]
