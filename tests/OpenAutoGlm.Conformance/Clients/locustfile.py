"""Users who ask whole and streamed questions, and one thing that must be refused."""

from locust import HttpUser, constant, task


class Asker(HttpUser):
    wait_time = constant(0)

    def ask(self, **more):
        body = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8, **more}
        return self.client.post("/v1/chat/completions", json=body, catch_response=True, stream=more.get("stream", False))

    @task(3)
    def whole(self):
        with self.ask() as answer:
            if answer.status_code != 200 or answer.json()["usage"]["completion_tokens"] > 8:
                answer.failure(answer.text)

    @task(3)
    def streamed(self):
        with self.ask(stream=True) as answer:
            lines = [line for line in answer.iter_lines() if line]
            if answer.status_code != 200 or lines[-1] != b"data: [DONE]":
                answer.failure(str(lines))

    @task
    def refused(self):
        with self.ask(temperature=-1) as answer:
            if answer.status_code == 400 and answer.json()["error"]["param"] == "temperature":
                answer.success()
            else:
                answer.failure(answer.text)
