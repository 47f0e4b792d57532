class Watch(object):
    pass
