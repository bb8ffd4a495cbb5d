#!/bin/sh
exec planner
