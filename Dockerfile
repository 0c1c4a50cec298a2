# The image of one service: the chassis, the contracts and the service itself, without the other services.
#   docker build --build-arg SERVICE=loyalty .
ARG PYTHON=3.13.7-slim-bookworm

FROM python:${PYTHON} AS build
ARG SERVICE
WORKDIR /app
COPY requirements-runtime.lock .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-runtime.lock
COPY chassis chassis
COPY contracts contracts
COPY docs/guide docs/guide
COPY gateway all/gateway
COPY services all/services
RUN if [ "$SERVICE" = gateway ]; then mv all/gateway . ; else \
    rm -r docs && mkdir services && mv all/services/__init__.py "all/services/${SERVICE:?set it by --build-arg}" services/ ; fi \
    && rm -r all requirements-runtime.lock && /venv/bin/python -m compileall -q .

FROM python:${PYTHON}
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 FILES=/files
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
RUN install --directory --mode 0700 --owner 10001 --group 10001 /files
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "-m", "chassis"]
