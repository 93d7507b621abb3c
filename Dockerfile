FROM python:3.13-slim
WORKDIR /app
COPY constraints.txt pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r constraints.txt
COPY bot bot
COPY handlers handlers
COPY storage storage
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --system --home-dir /data bot && mkdir -p /data && chown bot /data
USER bot
WORKDIR /data
VOLUME /data
EXPOSE 8080
CMD ["aglomeracja", "run"]
