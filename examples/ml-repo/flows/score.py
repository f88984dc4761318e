"""Scores all items every hour in parallel batches on CPUs."""

from metaflow import FlowSpec, Parameter, kubernetes, schedule, step


@schedule(hourly=True)
class ScoreFlow(FlowSpec):
    batches = Parameter("batches", default=20)

    @step
    def start(self):
        self.parts = list(range(self.batches))
        self.next(self.score, foreach="parts")

    @kubernetes(cpu=8, memory=32000)
    @step
    def score(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScoreFlow()
